import { setTimeout as sleep } from "node:timers/promises";
import { type Container, nameOf } from "../../docker/answers.ts";
import { inspect, lastWords } from "../../hosts/containers.ts";
import { listenersOn } from "../../hosts/listeners.ts";
import { knownReason } from "../../hosts/logs.ts";
import { portTaken } from "../../hosts/obstacles.ts";
import { answerAt } from "../../hosts/ready-path.ts";
import { stackLabel } from "../../planning/container/settings.ts";
import type { ProbeArguments } from "./arguments.ts";

/**
 * Waits until a container answers on its ready path. Throws with its last words when it ends, or time is up, and with
 * the name of whoever else holds its port.
 */
export async function untilReady({
  host,
  container,
  url,
  timeoutSeconds,
}: ProbeArguments["await-ready"]): Promise<void> {
  const where = `${container} on ${host.name}`;
  const start = Date.now();
  const deadline = start + timeoutSeconds * 1000;
  let last: string | undefined;
  while (Date.now() < deadline) {
    // Who holds the port is looked up before a model loads for minutes in vain, and before an answer is believed.
    const isFirst = last === undefined;
    last = await answerAt(url);
    const state = await inspect(host, container);
    if (isFirst || last === "ready") await refuseOtherListener(state);
    const { State, RestartCount } = state;
    if (!State.Running) {
      throw await failure(
        `${where} ended with exit code ${State.ExitCode} before it was ready ${State.Error}`,
      );
    }
    // Docker's restart policy has set it going again, so its exit code is lost.
    if (RestartCount > 2) throw await failure(`${where} ended ${RestartCount} times before it was ready`);
    // Asked after the inspection: another process may answer on the port of a container that has died.
    if (last === "ready") return;
    // A model loads for minutes; until then every question may be an `ssh` of its own.
    await sleep(Math.min(200 + (Date.now() - start) / 10, 2000));
  }
  throw await failure(`${where} was not ready within ${timeoutSeconds} s: ${url} gave ${last}`);

  /** A container of the same stack may hold the port for the moment: it is being replaced. */
  async function refuseOtherListener({ Id, Config }: Container): Promise<void> {
    const port = Number(new URL(url).port);
    const [listener] = await listenersOn(host, [port]);
    if (listener === undefined || listener.container === Id) return;
    const holder =
      listener.container === undefined
        ? undefined
        : await inspect(host, listener.container).catch(() => undefined);
    const stack = Config.Labels[stackLabel];
    if (stack !== undefined && holder?.Config.Labels[stackLabel] === stack) return;
    throw new Error(portTaken(host, { name: container, port }, listener, holder && nameOf(holder)));
  }

  async function failure(what: string): Promise<Error> {
    const words = await lastWords(host, container).catch((error: Error) => error.message);
    const state = await inspect(host, container).catch(() => undefined);
    const known = state && (await knownReason(host, state, timeoutSeconds));
    const reason = known === undefined ? "" : `\n${known.code}, ${known.title}: ${known.cause}`;
    const fix = known === undefined ? "mend the cause" : `${known.fix},`;
    return new Error(
      `${what.trim()}\nits last words:\n${words}${reason}\nfix: ${fix} and run \`pulumi up\` again; it goes on from here`,
    );
  }
}
