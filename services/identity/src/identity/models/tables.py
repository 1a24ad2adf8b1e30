"""The tables: how users, OAuth clients, keys and grants lie in PostgreSQL. The domain knows nothing of them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, false
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from arnia.chassis.models import Identified, Versioned, service_registry


class Base(DeclarativeBase):
    """All tables of this service, and those of the chassis."""

    registry = service_registry()


class UserRow(Identified, Versioned, Base):
    """One user."""

    __tablename__ = "users"

    # Sorted by code point, so that an order means the same in every installation.
    username: Mapped[str] = mapped_column(Text(collation="C"), unique=True)
    email: Mapped[str | None]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    active: Mapped[bool]
    password_hash: Mapped[str | None]

    __table_args__ = (Index(None, "created_at", "id"), Index(None, "roles", postgresql_using="gin"))


class OAuthClientRow(Identified, Versioned, Base):
    """One OAuth client."""

    __tablename__ = "oauth_clients"

    client_id: Mapped[str] = mapped_column(Text(collation="C"), unique=True)
    registration: Mapped[dict[str, object]] = mapped_column(JSONB)
    first_party: Mapped[bool]
    secret_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    declared: Mapped[bool] = mapped_column(server_default=false())

    __table_args__ = (Index(None, "created_at", "id"),)


class SigningKeyRow(Base):
    """One key pair; the private part is encrypted under a key that the database never sees."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(primary_key=True)
    algorithm: Mapped[str]
    public: Mapped[dict[str, object]] = mapped_column(JSONB)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    published_at: Mapped[datetime]
    signs_from: Mapped[datetime]
    signs_until: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("published_at <= signs_from", name="is_published_before_it_signs"),)


class LoginRow(Base):
    """One login: the family of its refresh tokens."""

    __tablename__ = "logins"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    client_id: Mapped[str] = mapped_column(index=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    audiences: Mapped[list[str]] = mapped_column(ARRAY(Text))
    authenticated_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class RefreshTokenRow(Base):
    """One refresh token, of which nobody can make the token again."""

    __tablename__ = "refresh_tokens"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id", ondelete="CASCADE"), index=True)
    used_at: Mapped[datetime | None]


class AuthorizationCodeRow(Base):
    """One authorization code; kept for a while after its end, so that a second use is noticed."""

    __tablename__ = "authorization_codes"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    login_id: Mapped[UUID]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    client_id: Mapped[str] = mapped_column(index=True)
    redirect_uri: Mapped[str]
    challenge: Mapped[str]
    nonce: Mapped[str | None]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    audiences: Mapped[list[str]] = mapped_column(ARRAY(Text))
    authenticated_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class RevocationRow(Base):
    """One thing that was taken back."""

    __tablename__ = "revocations"

    # By code point: what concerns a subject is a range of the key.
    member: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    until: Mapped[datetime] = mapped_column(index=True)


class AttemptsRow(Base):
    """Failed logins in a row, of an account or from a source."""

    __tablename__ = "login_attempts"

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
    wait_until: Mapped[datetime]


class AssertionRow(Base):
    """The id of a client's assertion, which is taken once."""

    __tablename__ = "assertions"

    client_id: Mapped[str] = mapped_column(primary_key=True)
    token_id: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
