import { setTimeout as sleep } from "node:timers/promises";
import type { Access } from "./access.ts";
import { type Answer, call } from "./request.ts";

/** A Service of the cluster, asked through the API server, which is reached from where its network is not. */
export interface ProxiedService {
  readonly namespace: string;
  readonly service: string;
  /** Name or number. */
  readonly port: string | number;
}

/** Waits where the cluster has not yet noticed that a pod is ready behind the Service. */
export async function postToService(
  access: Access,
  { namespace, service, port }: ProxiedService,
  path: string,
  body: object,
  timeoutSeconds: number,
): Promise<Answer> {
  const proxy = `/api/v1/namespaces/${namespace}/services/http:${service}:${port}/proxy`;
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  const noticed = Date.now() + 60_000;
  for (;;) {
    const answer = await call(access, proxy + path, { method: "POST", body, signal });
    if (!isUnnoticed(answer) || Date.now() > noticed) return answer;
    await sleep(200);
  }
}

/** The API server's own word, and not that of what is behind it. */
const isUnnoticed = ({ status, text }: Answer): boolean =>
  (status === 404 || status === 503) && /"kind": ?"Status"/.test(text) && /endpoints|services \\"/.test(text);
