"""An ecosystem of one service."""

from arnia.ecosystem import Ecosystem, Environment, Route, Service

guestbook = Service(name="guestbook", owner="reception", exposes=(Route(path="/api/v1/entries"),))

ecosystem = Ecosystem(name="hotel", services=(guestbook,), environments=(Environment(name="local"),))
