import { setTimeout as sleep } from "node:timers/promises";
import type { Access } from "../../../cluster/access.ts";
import { refusal } from "../../../cluster/refusals.ts";
import { call, open, Unreachable } from "../../../cluster/request.ts";

interface Listed {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string };
}

/**
 * Tells what a list of the API holds, at first and whenever that changes, until `signal`. While the API server is away it holds
 * on to what it knew, and lists anew when it is back. Throws where the list is refused.
 */
export async function observe<T extends Listed>(
  access: Access,
  path: string,
  query: Readonly<Record<string, string>>,
  onChange: (objects: readonly T[]) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const answer = await call(access, path, { query, signal });
      if (answer.status !== 200) throw refusal(access, `listing ${path}`, answer);
      const list: { items: T[]; metadata: { resourceVersion: string } } = JSON.parse(answer.text);
      const known = new Map(list.items.map((one) => [one.metadata.uid, one]));
      onChange([...known.values()]);
      const from = list.metadata.resourceVersion;
      for await (const { type, object } of events<T>(
        access,
        path,
        { ...query, resourceVersion: from },
        signal,
      )) {
        // The version that it would go on from is too old.
        if (type === "ERROR") break;
        if (type === "DELETED") known.delete(object.metadata.uid);
        else if (type !== "BOOKMARK") known.set(object.metadata.uid, object);
        onChange([...known.values()]);
      }
    } catch (error) {
      if (signal.aborted) return;
      const isGone = error instanceof Unreachable || (error as NodeJS.ErrnoException).code !== undefined;
      if (!isGone) throw error;
      await sleep(500, undefined, { signal }).catch(() => {});
    }
  }
}

async function* events<T>(
  access: Access,
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): AsyncGenerator<{ readonly type: string; readonly object: T }> {
  const response = await open(access, path, { query: { ...query, watch: "true" }, signal });
  let rest = "";
  for await (const chunk of response.setEncoding("utf8")) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
}
