"""What the Python SDK does with `codemode mcp`; prints one JSON object of what it saw.

python story.py legacy|auto stdio COMMAND ARGS…
python story.py legacy|auto http URL TOKEN
"""

import asyncio
import json
import sys
import time

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


def text(result):
    return "".join(block.text for block in result.content if block.type == "text")


async def main():
    mode, kind, first, *rest = sys.argv[1:]
    if kind == "stdio":
        server = stdio_client(StdioServerParameters(command=first, args=rest))
    else:
        http = create_mcp_http_client(headers={"Authorization": f"Bearer {rest[0]}"})
        server = streamable_http_client(first, http_client=http)
    logs = []

    async def log(params):
        logs.append(params.data)

    async with Client(server, mode=mode, logging_callback=log) as client:
        saw = {"version": client.protocol_version}
        saw["tools"] = [tool.name for tool in (await client.list_tools()).tools]
        heard = []

        async def progress(done, total, message):
            heard.append(message.split(" in ")[0])

        async def run(code, **options):
            return await client.call_tool("execute_typescript", {"typescriptCode": code}, **options)

        added = await run(
            "console.log('adding'); await external_everything_trigger_long_running_operation({ duration: 0.5, steps: 1 }); return { sum: await external_everything_get_sum({ a: 20, b: 22 }) };",
            progress_callback=progress,
        )
        saw["added"] = {
            "text": text(added), "structured": added.structured_content, "isError": bool(added.is_error)
        }
        saw["heard"] = heard
        saw["logs"] = logs
        failed = await run("const a = 1;\nthrow new TypeError('boom');")
        saw["failed"] = {
            "line": failed.structured_content["error"]["line"],
            "isError": failed.is_error,
            "text": text(failed).split("\n")[0],
        }
        long = await run("return 'x'.repeat(99_999) + '!';")
        cut = long.structured_content["truncated"]
        tail = await client.call_tool("read_result", {"handle": cut["handle"], "offset": cut["bytes"] - 1})
        saw["long"] = {
            "bytes": cut["bytes"],
            "shown": cut["nextOffset"],
            "note": text(long).startswith("[The result has 100000 bytes;"),
            "tail": text(tail),
        }
        image = await run("return (await external_everything_get_tiny_image({})).find(b => b.type === 'image');")
        saw["image"] = [block.mime_type for block in image.content if block.type == "image"]
        begun = time.monotonic()
        slow = "return await external_everything_trigger_long_running_operation({ duration: 1, steps: 1 });"
        answers = await asyncio.gather(*(run(slow) for _ in range(8)))
        saw["together"] = all(not answer.is_error for answer in answers) and time.monotonic() - begun < 6
        waiting = asyncio.create_task(
            run("await external_everything_trigger_long_running_operation({ duration: 60, steps: 120 });")
        )
        await asyncio.sleep(0.3)
        waiting.cancel()
        try:
            await waiting
            saw["cancelled"] = "answered"
        except asyncio.CancelledError:
            saw["cancelled"] = "rejected"
        saw["after"] = text(await run("return 1 + 1"))
    print(json.dumps(saw))


asyncio.run(main())
