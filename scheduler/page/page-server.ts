import type { Feed } from "../../page/feed.ts";
import { pageListener } from "../../page/listener.ts";
import type { PageAddress } from "../config/config.ts";
import { listen, sideServer } from "../listen.ts";

/** Connections at once: a browser has one for what the page shows, and one more for a moment. */
const MAX_CONNECTIONS = 128;

/** Serves the page until `close`. Rejects with ListenError. */
export async function startPage(
  feed: Feed,
  { host, port, token }: PageAddress,
): Promise<{ readonly port: number; close(): void }> {
  const server = sideServer(pageListener(feed, token));
  server.maxConnections = MAX_CONNECTIONS;
  const listening = await listen(server, { host, port }, "--page-port");
  return {
    port: listening,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
