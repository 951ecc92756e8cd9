"""The HTTP application: joins cameras, viewers and paths."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import HTTPException

from video.display import Display, Sources
from video.routes import VERSION, plain_error, routes_of


def create_app(sources: Sources, beat: Callable[[], None], crashed: Callable[[BaseException], None]) -> FastAPI:
    """Build the application.

    Args:
        sources: what it is joined to.
        beat: called each time the loop turns.
        crashed: called when what runs in the background has failed.
    """
    display = Display(sources)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        def ended(task: "asyncio.Task[None]") -> None:
            failure = None if task.cancelled() else task.exception()
            if failure is not None:
                crashed(failure)

        sources.latest.open(asyncio.get_running_loop(), display.cameras.put)
        ticking = asyncio.create_task(display.tick(beat))
        ticking.add_done_callback(ended)
        try:
            yield
        finally:
            sources.latest.close()
            ticking.cancel()
            display.cameras.close()

    app = FastAPI(
        title="video",
        version=VERSION,
        description="Live video with machine-learning labels.",
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )
    app.include_router(routes_of(display))
    app.add_exception_handler(HTTPException, plain_error)  # type: ignore[arg-type]
    return app
