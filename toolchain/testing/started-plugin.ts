import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import grpc from "@grpc/grpc-js";
import engineService from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type engineTypes from "@pulumi/pulumi/proto/engine_pb.js";
import providerService from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import rpc from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import type { PropertyMap, Value } from "../command-plugin/values.ts";

export const launcher = join(import.meta.dirname, "../command-plugin/pulumi-resource-command");

/** A secret on the wire. */
export const secret = (value: Value): Value => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});

export interface Diff {
  readonly changed: boolean;
  readonly replaces: readonly string[];
  readonly detailed: Readonly<Record<string, string>>;
}

/** A plugin process for tests, spoken to as the engine does. Failures of a call reject with the plugin's message. */
export interface StartedPlugin {
  readonly process: ChildProcess;
  /** On loopback, where it serves. */
  readonly port: number;
  /** What the plugin logged, oldest first. */
  readonly logged: readonly engineTypes.LogRequest.AsObject[];
  check(type: string, inputs: PropertyMap): Promise<{ inputs: PropertyMap; failures: string[] }>;
  diff(type: string, olds: PropertyMap, news: PropertyMap): Promise<Diff>;
  create(
    type: string,
    inputs: PropertyMap,
    options?: CallOptions,
  ): Promise<{ id: string; outputs: PropertyMap }>;
  update(type: string, state: PropertyMap, inputs: PropertyMap, options?: CallOptions): Promise<PropertyMap>;
  delete(type: string, state: PropertyMap): Promise<void>;
  cancel(): Promise<void>;
  stop(): Promise<void>;
}

export interface CallOptions {
  readonly preview?: boolean;
  readonly timeoutSeconds?: number;
}

export async function startPlugin(program = launcher, env: NodeJS.ProcessEnv = {}): Promise<StartedPlugin> {
  const logged: engineTypes.LogRequest.AsObject[] = [];
  const engine = new grpc.Server();
  engine.addService(engineService.EngineService, {
    log: (
      call: grpc.ServerUnaryCall<engineTypes.LogRequest, empty.Empty>,
      answer: grpc.sendUnaryData<empty.Empty>,
    ) => {
      logged.push(call.request.toObject());
      answer(null, new empty.Empty());
    },
  });
  const enginePort = await new Promise<number>((resolve, reject) =>
    engine.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
  const plugin = spawn(program, [`127.0.0.1:${enginePort}`], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = await once(createInterface(plugin.stdout), "line");
  const client = new providerService.ResourceProviderClient(
    `127.0.0.1:${port}`,
    grpc.credentials.createInsecure(),
  );

  return {
    process: plugin,
    port: Number(port),
    logged,
    async check(type, inputs) {
      const request = new rpc.CheckRequest().setUrn(urnOf(type)).setNews(toStruct(inputs));
      const response = await call<rpc.CheckResponse>((done) => client.check(request, done));
      return {
        inputs: fromStruct(response.getInputs()),
        failures: response
          .getFailuresList()
          .map((failure) => `${failure.getProperty()}: ${failure.getReason()}`),
      };
    },
    async diff(type, olds, news) {
      const request = new rpc.DiffRequest()
        .setUrn(urnOf(type))
        .setOlds(toStruct(olds))
        .setOldInputs(toStruct(olds))
        .setNews(toStruct(news));
      const response = await call<rpc.DiffResponse>((done) => client.diff(request, done));
      const kinds = Object.keys(rpc.PropertyDiff.Kind);
      const detailed: Record<string, string> = {};
      response.getDetaileddiffMap().forEach((change, path) => {
        detailed[path] = kinds[change.getKind()] ?? "?";
      });
      return {
        changed: response.getChanges() === rpc.DiffResponse.DiffChanges.DIFF_SOME,
        replaces: response.getReplacesList(),
        detailed,
      };
    },
    async create(type, inputs, { preview = false, timeoutSeconds = 0 } = {}) {
      const request = new rpc.CreateRequest()
        .setUrn(urnOf(type))
        .setProperties(toStruct(inputs))
        .setPreview(preview)
        .setTimeout(timeoutSeconds);
      const response = await call<rpc.CreateResponse>((done) => client.create(request, done));
      return { id: response.getId(), outputs: fromStruct(response.getProperties()) };
    },
    async update(type, state, inputs, { preview = false, timeoutSeconds = 0 } = {}) {
      const request = new rpc.UpdateRequest()
        .setUrn(urnOf(type))
        .setOlds(toStruct(state))
        .setNews(toStruct(inputs))
        .setPreview(preview)
        .setTimeout(timeoutSeconds);
      const response = await call<rpc.UpdateResponse>((done) => client.update(request, done));
      return fromStruct(response.getProperties());
    },
    async delete(type, state) {
      const request = new rpc.DeleteRequest().setUrn(urnOf(type)).setProperties(toStruct(state));
      await call<empty.Empty>((done) => client.delete(request, done));
    },
    async cancel() {
      await call<empty.Empty>((done) => client.cancel(new empty.Empty(), done));
    },
    async stop() {
      client.close();
      engine.forceShutdown();
      if (plugin.exitCode !== null || plugin.signalCode !== null) return;
      plugin.kill();
      await once(plugin, "exit");
    },
  };
}

function call<Response>(
  start: (done: (error: grpc.ServiceError | null, response?: Response) => void) => void,
): Promise<Response> {
  return new Promise((resolve, reject) =>
    start((error, response) => {
      if (response) resolve(response);
      else reject(new Error(error?.details));
    }),
  );
}

function urnOf(type: string): string {
  return `urn:pulumi:test::project::parent:index:Component$${type}::gate`;
}

function toStruct(map: PropertyMap): struct.Struct {
  return struct.Struct.fromJavaScript(map as Parameters<typeof struct.Struct.fromJavaScript>[0]);
}

function fromStruct(value: struct.Struct | undefined): PropertyMap {
  return (value?.toJavaScript() ?? {}) as PropertyMap;
}
