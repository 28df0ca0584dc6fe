/**
 * Node's HTTP. An `import` reads all that a module has, of this one also its `WebSocket`, for which Node loads all of
 * `fetch`: half of what a probe takes to start.
 */
export const { Agent, request } = process.getBuiltinModule("node:http");
