import { randomBytes } from "node:crypto";
import grpc from "@grpc/grpc-js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import rpc from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { type Change, diff, rootOf } from "./diff.ts";
import type { ShowStatus } from "./engine.ts";
import { type CommandInputs, localCommand } from "./local-command.ts";
import type { Operation, Output } from "./run-command.ts";
import { notCovered } from "./shape.ts";
import { type PropertyMap, reveal, unknown, withoutNulls } from "./values.ts";

/**
 * The ResourceProvider service that the engine talks to. What it leaves out answers "unimplemented". `cancel` ends
 * whatever runs, and whatever the engine still asks for afterwards.
 */
export function providerService(showStatus: ShowStatus, cancel: AbortController) {
  const operation = (urn: string, timeoutSeconds: number): Operation => ({
    signal:
      timeoutSeconds > 0
        ? AbortSignal.any([cancel.signal, AbortSignal.timeout(timeoutSeconds * 1000)])
        : cancel.signal,
    status: (line) => showStatus(urn, line),
  });

  return {
    getPluginInfo: unary(() => new plugin.PluginInfo().setVersion("1.2.1")),

    configure: unary(() =>
      new rpc.ConfigureResponse().setAcceptsecrets(true).setSupportspreview(true).setAcceptresources(true),
    ),

    check: unary((request: rpc.CheckRequest) => {
      requireLocalCommand(request.getUrn());
      const inputs = fromStruct(request.getNews());
      return new rpc.CheckResponse()
        .setInputs(toStruct(inputs))
        .setFailuresList(
          localCommand
            .problems(inputs)
            .map(({ property, reason }) => new rpc.CheckFailure().setProperty(property).setReason(reason)),
        );
    }),

    diff: unary((request: rpc.DiffRequest) =>
      diffResponse(diff(fromStruct(request.getOldInputs()), fromStruct(request.getNews()))),
    ),

    create: unary(async (request: rpc.CreateRequest) => {
      const urn = request.getUrn();
      requireLocalCommand(urn);
      const inputs = fromStruct(request.getProperties());
      if (request.getPreview()) {
        return new rpc.CreateResponse().setProperties(toStruct({ ...inputs, ...unknownOutput }));
      }
      const output = await localCommand.create(checked(inputs), operation(urn, request.getTimeout()));
      return new rpc.CreateResponse()
        .setId(nameOf(urn) + randomBytes(4).toString("hex"))
        .setProperties(toStruct({ ...inputs, ...output }));
    }),

    // There is nothing outside to read: what the state says is what there is.
    read: unary((request: rpc.ReadRequest) =>
      new rpc.ReadResponse()
        .setId(request.getId())
        .setProperties(request.getProperties())
        .setInputs(request.getInputs()),
    ),

    update: unary(async (request: rpc.UpdateRequest) => {
      const urn = request.getUrn();
      requireLocalCommand(urn);
      const inputs = fromStruct(request.getNews());
      const output = request.getPreview()
        ? unknownOutput
        : await localCommand.update(
            checked(inputs),
            checked(fromStruct(request.getOlds())),
            operation(urn, request.getTimeout()),
          );
      return new rpc.UpdateResponse().setProperties(toStruct({ ...inputs, ...output }));
    }),

    delete: unary(async (request: rpc.DeleteRequest) => {
      const urn = request.getUrn();
      requireLocalCommand(urn);
      const state = checked(fromStruct(request.getProperties()));
      await localCommand.delete(state, operation(urn, request.getTimeout()));
      return new empty.Empty();
    }),

    cancel: unary(() => {
      cancel.abort(new Error("cancelled"));
      return new empty.Empty();
    }),

    invoke: unary((request: rpc.InvokeRequest): rpc.InvokeResponse => {
      throw new Error(`${request.getTok()} is ${notCovered}`);
    }),
  };
}

function requireLocalCommand(urn: string): void {
  const type = typeOf(urn);
  if (type !== "command:local:Command") throw new Error(`${type} is ${notCovered}`);
}

const unknownOutput: Output = { stdout: unknown, stderr: unknown };

/** Inputs, or the state that they became, with secrets laid open; `check` has seen to their types. */
function checked(map: PropertyMap): CommandInputs & Output {
  return { stdout: "", stderr: "", ...reveal(map) } as CommandInputs & Output;
}

function unary<Request, Response>(
  answer: (request: Request) => Response | Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return async (call, callback) => {
    try {
      callback(null, await answer(call.request));
    } catch (error) {
      callback({
        code: grpc.status.UNKNOWN,
        details: error instanceof Error ? error.message : String(error),
      });
    }
  };
}

function diffResponse(changes: readonly Change[]): rpc.DiffResponse {
  const { ADD, ADD_REPLACE, DELETE, DELETE_REPLACE, UPDATE, UPDATE_REPLACE } = rpc.PropertyDiff.Kind;
  const kinds = {
    add: { update: ADD, replace: ADD_REPLACE },
    delete: { update: DELETE, replace: DELETE_REPLACE },
    update: { update: UPDATE, replace: UPDATE_REPLACE },
  };
  const roots = new Set(changes.map(({ path }) => rootOf(path)));
  const response = new rpc.DiffResponse()
    .setChanges(
      changes.length > 0 ? rpc.DiffResponse.DiffChanges.DIFF_SOME : rpc.DiffResponse.DiffChanges.DIFF_NONE,
    )
    .setDiffsList([...roots])
    .setReplacesList([...roots].filter(replaces))
    .setHasdetaileddiff(true);
  for (const { path, kind } of changes) {
    const effect = replaces(rootOf(path)) ? "replace" : "update";
    response.getDetaileddiffMap().set(path, new rpc.PropertyDiff().setKind(kinds[kind][effect]));
  }
  return response;
}

/** Every other change of inputs is an update. */
function replaces(property: string): boolean {
  return property === "triggers";
}

function fromStruct(value: struct.Struct | undefined): PropertyMap {
  return withoutNulls((value?.toJavaScript() ?? {}) as PropertyMap);
}

function toStruct(map: PropertyMap): struct.Struct {
  return struct.Struct.fromJavaScript(map as Parameters<typeof struct.Struct.fromJavaScript>[0]);
}

/** `urn:pulumi:<stack>::<project>::<parent types$>type::<name>` */
function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}
