import { setTimeout as sleep } from "node:timers/promises";
import { between } from "./random.ts";
import type { Instance, Service } from "./service.ts";

/** What is done to an instance while it serves; it serves again when that has resolved. */
export const DISTURBANCES: Readonly<
  Record<string, (instance: Instance, service: Service, random: () => number) => Promise<void>>
> = {
  async killed(instance, _, random) {
    await instance.signal("SIGKILL");
    await sleep(between(random, 0, 3000));
    await instance.start();
  },
  async stopped(instance, _, random) {
    await instance.signal("SIGSTOP");
    await sleep(between(random, 500, 6000));
    await instance.signal("SIGCONT");
  },
  async restarted(instance) {
    await instance.signal("SIGTERM");
    await instance.start();
  },
  async drained({ name }, { admin }, random) {
    await admin("/drain", { instance: name, deadline: 10 });
    await sleep(between(random, 0, 2000));
    await admin("/join", { instance: name, deadline: 60 });
  },
};
