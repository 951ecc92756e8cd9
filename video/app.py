"""The HTTP application: joins cameras, viewers and paths."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from video.access.denial import Forbidden, forbidden_answer
from video.access.gate import Gate
from video.access.origin import forwarded_host_of
from video.browser_guard import BrowserGuard
from video.display import Display, Sources
from video.paths import error_answer
from video.routes import VERSION, routes_of


def create_app(sources: Sources, beat: Callable[[], None], crashed: Callable[[BaseException], None]) -> ASGIApp:
    """Build the application.

    Args:
        sources: what it is joined to.
        beat: called each time the loop turns.
        crashed: called with the exception when a background task has failed.
    """
    display = Display(sources)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        def ended(task: "asyncio.Task[None]") -> None:
            failure = None if task.cancelled() else task.exception()
            if failure is not None:
                crashed(failure)

        display.open(asyncio.get_running_loop())
        ticking = asyncio.create_task(display.tick(beat))
        ticking.add_done_callback(ended)
        try:
            yield
        finally:
            ticking.cancel()
            display.close()

    app = FastAPI(
        title="video",
        version=VERSION,
        description="Live video with machine-learning labels.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # it would redirect to an absolute address
        lifespan=life,
    )
    app.include_router(routes_of(display))
    app.add_exception_handler(HTTPException, error_answer)  # type: ignore[arg-type]
    app.add_exception_handler(Forbidden, forbidden_answer)  # type: ignore[arg-type]
    return BrowserGuard(
        Gate(app, sources.access),
        allowed_origins=sources.allowed_origins,
        loopback_only=sources.loopback_only,
        hsts=sources.hsts,
        forwarded_host=partial(forwarded_host_of, sources.access),
    )
