"""aiohttp's own server; who the user is, is told by what the command line names: a gateway's header, a middleware, the
session of aiohttp-session, or aiohttp-security.
"""

import asyncio
import json
import sys

from aiohttp import ClientSession, CookieJar, web
from assistant import Keeper, known, say

keeper = Keeper()


async def login(request):
    response = web.json_response("welcome")
    if "session" in sys.argv:
        (await get_session(request))["username"] = request.query["user"]
    elif "security" in sys.argv:
        await remember(request, response, request.query["user"])
    return response


async def ask(request):
    if "session" in sys.argv:
        await get_session(request)
    elif "security" in sys.argv:
        await authorized_userid(request)
    early = known()
    if early is not None:
        keeper.assistant().answer()
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(json.dumps([early, known()]).encode())
    return response


@web.middleware
async def signed_in(request, handler):
    if "middleware" in sys.argv and "as" in request.query:
        request["user"] = {"id": 7, "username": request.query["as"]}
    return await handler(request)


app = web.Application(middlewares=[signed_in])
app.add_routes([web.get("/login", login), web.get("/ask", ask)])

if "session" in sys.argv:
    from aiohttp_session import SimpleCookieStorage, get_session, setup

    setup(app, SimpleCookieStorage())
elif "security" in sys.argv:
    from aiohttp_security import AbstractAuthorizationPolicy, authorized_userid, remember, setup
    from aiohttp_security.cookies_identity import CookiesIdentityPolicy

    class Everybody(AbstractAuthorizationPolicy):
        async def permits(self, identity, permission, context=None):
            return True

        async def authorized_userid(self, identity):
            return identity

    setup(app, CookiesIdentityPolicy(), Everybody())


async def main():
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    seen = []
    for user in ("alice", "bob"):
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:

            async def get(path, browser=browser, **headers):
                async with browser.get(f"{address}{path}", headers=headers) as response:
                    return await response.json(content_type=None)

            seen.append(await get("/ask"))
            await get(f"/login?user={user}")
            seen.append(await get(f"/ask?as={user}", **({"X-User": user} if "headers" in sys.argv else {})))
    await runner.cleanup()
    say(*seen)


asyncio.run(main())
