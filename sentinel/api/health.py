"""Alive, able to do its work, and figures."""

from typing import Any

from aiohttp import web

from sentinel.api.handling import answer
from sentinel.api.service import Service
from sentinel.store.protocol import ApiKey


async def get_healthz(request: web.Request, service: Service) -> web.Response:
    """The process is alive and its loop turns."""
    return answer({"status": "ok"})


async def get_readyz(request: web.Request, service: Service) -> web.Response:
    """Able to do its work; 503 names what keeps it from it, or what is kept longer than promised."""
    found = await service.ready()
    told: dict[str, Any] = {"oldest_raw_days": found.oldest_raw_days}
    if found.warnings:
        told["warnings"] = found.warnings
    if found.reasons:
        return answer({"status": "not ready", "reasons": found.reasons, **told}, status=503)
    return answer({"status": "ready", "durable": found.durable, "waiting": found.waiting, **told})


async def get_metrics(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """Prometheus text format. No label holds personal data."""
    return web.Response(
        body=await service.metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )
