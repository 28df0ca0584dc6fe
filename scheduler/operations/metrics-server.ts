import type { MetricsAddress } from "../config/config.ts";
import { listen, sideServer } from "../listen.ts";

/** Serves `GET /metrics`, and nothing else, until `close`. Rejects with ListenError. */
export async function startMetrics(
  text: () => string,
  address: MetricsAddress,
): Promise<{ readonly port: number; close(): void }> {
  const server = sideServer(({ method, url }, response) => {
    const [status, body] =
      url !== "/metrics"
        ? [404, "there is only /metrics\n"]
        : method === "GET"
          ? [200, text()]
          : [405, "only GET\n"];
    response.writeHead(status, {
      "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
      "Content-Length": Buffer.byteLength(body),
      ...(status === 200 ? {} : { Connection: "close" }),
    });
    response.end(body);
  });
  const port = await listen(server, { ...address }, "--metrics-port");
  return {
    port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
