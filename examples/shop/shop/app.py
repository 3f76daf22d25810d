"""The application, put together; this is where it is instrumented."""

import aiprov_runtime
from shop import accounts, routes
from shop.middleware import Service


def create_app() -> Service:
    aiprov_runtime.init(user=accounts.current_id)  # the one line: errors now say which function, model and prompt
    app = Service("shop")
    app.register_blueprint(routes.shop)
    return app
