// What every JavaScript client does with `codemode mcp`; prints one JSON object of what it saw.
//   node story.mjs sdk1|sdk2|ai stdio COMMAND ARGS…
//   node story.mjs sdk1|sdk2|ai http URL TOKEN

const [client, kind, ...rest] = process.argv.slice(2);

/// Each opener gives { version, tools, call(name, args, { onProgress, signal }), close }.
const open = {
  async sdk1() {
    const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
    const { StdioClientTransport } = await import('@modelcontextprotocol/sdk/client/stdio.js');
    const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
    const { LoggingMessageNotificationSchema } = await import('@modelcontextprotocol/sdk/types.js');
    const sdk = new Client({ name: 'story', version: '1' });
    const logs = [];
    sdk.setNotificationHandler(LoggingMessageNotificationSchema, note => void logs.push(note.params.data));
    await sdk.connect(transport(StdioClientTransport, StreamableHTTPClientTransport));
    return {
      logs,
      instructions: sdk.getInstructions(),
      tools: async () => (await sdk.listTools()).tools,
      call: (name, args, { onProgress, signal } = {}) =>
        sdk.callTool({ name, arguments: args }, undefined, { onprogress: onProgress, signal }),
      close: () => sdk.close(),
    };
  },
  async sdk2() {
    const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
    const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio');
    const sdk = new Client({ name: 'story', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    await sdk.connect(transport(StdioClientTransport, StreamableHTTPClientTransport));
    return {
      version: sdk.getNegotiatedProtocolVersion(),
      instructions: sdk.getInstructions(),
      tools: async () => (await sdk.listTools()).tools,
      call: (name, args, { onProgress, signal } = {}) =>
        sdk.callTool({ name, arguments: args }, { onprogress: onProgress, signal }),
      close: () => sdk.close(),
    };
  },
  async ai() {
    const { createMCPClient } = await import('@ai-sdk/mcp');
    const { Experimental_StdioMCPTransport: Stdio } = await import('@ai-sdk/mcp/mcp-stdio');
    const [first, ...others] = rest;
    const sdk = await createMCPClient({
      transport:
        kind === 'stdio'
          ? new Stdio({ command: first, args: others })
          : { type: 'http', url: first, headers: { Authorization: `Bearer ${others[0]}` } },
    });
    const tools = await sdk.tools();
    return {
      tools: async () => Object.keys(tools).map(name => ({ name })),
      call: (name, args, { signal } = {}) => tools[name].execute(args, { toolCallId: 'x', messages: [], abortSignal: signal }),
      close: () => sdk.close(),
    };
  },
}[client];

function transport(Stdio, Http) {
  const [first, ...others] = rest;
  if (kind === 'stdio') return new Stdio({ command: first, args: others, stderr: 'inherit' });
  return new Http(new URL(first), { requestInit: { headers: { Authorization: `Bearer ${others[0]}` } } });
}

const text = result => result.content.filter(block => block.type === 'text').map(block => block.text).join('');

const sdk = await open();
const run = (typescriptCode, options) => sdk.call('execute_typescript', { typescriptCode }, options);
const saw = { version: sdk.version, instructions: sdk.instructions?.includes('execute_typescript') };
saw.tools = (await sdk.tools()).map(tool => tool.name);

const heard = [];
const added = await run(
  `console.log('adding'); await external_everything_trigger_long_running_operation({ duration: 0.5, steps: 1 }); return { sum: await external_everything_get_sum({ a: 20, b: 22 }) };`,
  { onProgress: progress => void heard.push(progress.message) },
);
saw.added = { text: text(added), structured: added.structuredContent, isError: added.isError ?? false };
saw.heard = heard.map(message => message.replace(/ in .*/, ''));
saw.logs = sdk.logs;

const failed = await run(`const a = 1;\nthrow new TypeError('boom');`);
saw.failed = { line: failed.structuredContent?.error?.line, isError: failed.isError, text: text(failed).split('\n')[0] };

const long = await run(`return 'x'.repeat(99_999) + '!';`);
const { handle, bytes, nextOffset } = long.structuredContent.truncated;
const tail = await sdk.call('read_result', { handle, offset: bytes - 1 });
saw.long = { bytes, shown: nextOffset, note: text(long).startsWith('[The result has 100000 bytes;'), tail: text(tail) };

const image = await run(`return (await external_everything_get_tiny_image({})).find(block => block.type === 'image');`);
saw.image = image.content.filter(block => block.type === 'image').map(block => block.mimeType);

const begun = Date.now();
const slow = `return await external_everything_trigger_long_running_operation({ duration: 1, steps: 1 });`;
const all = await Promise.all(Array.from({ length: 8 }, () => run(slow)));
saw.together = all.every(result => !result.isError) && Date.now() - begun < 6_000;

if (client !== 'ai') {
  const abort = new AbortController();
  const waiting = run(`await external_everything_trigger_long_running_operation({ duration: 60, steps: 120 });`, {
    onProgress: () => abort.abort(),
    signal: abort.signal,
  });
  saw.cancelled = await waiting.then(() => 'answered', () => 'rejected');
}
saw.after = text(await run('return 1 + 1'));
await sdk.close();
console.log(JSON.stringify(saw));
