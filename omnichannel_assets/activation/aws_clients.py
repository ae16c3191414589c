"""AWS clients with bounded waiting, and what their errors mean to us.

Belongs here: making a client, sorting its errors. Not here: what is asked of a service.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from omnichannel_assets.activation.calls import CallHook, called
from omnichannel_assets.activation.validation import models
from omnichannel_assets.errors import RetryableError, UserError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

T = TypeVar("T")
ATTEMPTS = 5
CONNECT_SECONDS, READ_SECONDS = 5, 30
NOT_ALLOWED = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "ForbiddenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
LATER = {"LimitExceededException", "ResourceInUseException", "RequestTimeout", "RequestTimeoutException", "TooManyRequestsException"}


class Refused(Exception):
    """The service refuses the request as it is; sending it again would change nothing."""


def aws_client(
    service: str,
    *,
    region: str,
    endpoint_url: str | None = None,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    attempts: int = ATTEMPTS,
    read_seconds: float = READ_SECONDS,
) -> Any:
    """A client that retries throttling, 5xx and lost connections ``attempts`` times. Without keys it finds credentials as AWS tools do."""
    from botocore.config import Config
    from botocore.session import get_session

    config = Config(retries={"mode": "standard", "total_max_attempts": attempts}, connect_timeout=CONNECT_SECONDS, read_timeout=read_seconds)
    session = get_session()
    session.register_component("data_loader", models())
    return session.create_client(
        service,
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        config=config,
    )


def call_aws(hook: CallHook, service: str, operation: str, call: Callable[[], T]) -> T:
    """Answer of one call after the client's own retries.

    Raises UserError for missing rights or credentials, RetryableError for what may work later, Refused for what will not. ResourceAlreadyExists
    and ResourceNotFound pass as they are: they tell the caller the state of things.
    """
    from botocore import exceptions as found
    from botocore.exceptions import ClientError

    unknown_caller = (found.NoCredentialsError, found.PartialCredentialsError, found.CredentialRetrievalError, found.NoRegionError)
    try:
        return called(hook, f"{service}.{operation}", call)
    except ClientError as error:
        raise _sorted(error, service, operation) from error
    except unknown_caller as error:
        raise UserError(f"AWS: {error}. Fix: give credentials and a region as for the aws command.") from error
    except found.ParamValidationError as error:
        raise Refused(f"{operation}: a field is missing or of the wrong type") from error
    except (found.HTTPClientError, found.ConnectionError, ConnectionError) as error:
        raise RetryableError(f"{operation}: {type(error).__name__}") from error
    except found.BotoCoreError as error:
        raise Refused(f"{operation}: {type(error).__name__}") from error


def error_code(error: ClientError | BaseException | None) -> str:
    """The modelled name of an error; empty for one that is none of AWS's."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def _sorted(error: ClientError, service: str, operation: str) -> Exception:
    code = error_code(error)
    words = f"{operation}: {code}: {' '.join(str(error.response.get('Error', {}).get('Message', '')).split())[:300]}"
    if code in ("ResourceAlreadyExistsException", "ResourceNotFoundException"):
        return error
    if code in NOT_ALLOWED:
        return UserError(f"AWS {service} {words}. Fix: check the credentials and the rights of their role.")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in LATER or "Throttl" in code or status >= 500 or status == 429:
        return RetryableError(words)
    return Refused(words)
