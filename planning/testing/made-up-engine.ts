import { z } from "zod";
import { npuDevices } from "../engines/devices.ts";
import type { Engine } from "../engines/engine.ts";
import { serverFlags } from "../engines/flags.ts";
import { ofEveryInstance, port, text } from "../stack-file/words.ts";

const driver = { source: "/usr/local/Ascend/driver", target: "/driver", readOnly: true };

/** A kind of engine that is nobody's, and unlike the others wherever engines can differ. */
export const madeUp = z
  .strictObject({
    kind: z.literal("made-up").describe("an engine for tests"),
    weights: z.strictObject({ source: text("folder of the host"), target: text("place in the container") }),
    firstPort: port("first of an instance's ports for KV caches"),
    ...ofEveryInstance,
  })
  .transform(
    ({ kind, weights, firstPort, ...extras }): Engine => ({
      extras,
      container: (layout, instance) => ({
        image: { kind: "reference", name: "made-up:1" },
        command: ["serve", ...serverFlags(layout, instance)],
        env: instance.extraEnv,
        devices: npuDevices(instance.npus),
        mounts: [driver, { ...weights, readOnly: true }],
        files: [],
        restricted: true,
        readyPath: "/ready",
        startTimeoutSeconds: 300,
        stopTimeoutSeconds: 30,
      }),
      manualScheduler: { none: `engine ${kind}, which is younger than the manual` },
      handoff: { handoff: "plain" },
      claimedPorts: ({ npus }) => [{ owner: "KV", first: firstPort, last: firstPort + npus.length - 1 }],
      deviceIps: () => ({ 5: "198.18.0.5" }),
      mounts: [{ path: "engine.weights", isFolder: true, ...weights }],
      limits: { ipc: "private", ulimits: {} },
      systemMounts: [driver],
      imageFolders: ["/opt/image"],
      wantsEqualDeviceCounts: true,
      wantsWholePrompts: true,
      isPublic: false,
      takesNpus: true,
      needsNpus: true,
      derived: { args: {}, env: {} },
      overHosts: { none: "a made-up engine" },
      mooncake: undefined,
    }),
  );
