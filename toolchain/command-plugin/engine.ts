import grpc from "@grpc/grpc-js";
import engineService from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engineTypes from "@pulumi/pulumi/proto/engine_pb.js";

/** Shows a line beside the resource `urn` while it is worked on. One that cannot be delivered fails nothing. */
export type ShowStatus = (urn: string, line: string) => Promise<void>;

export function statusAt(engineAddress: string): ShowStatus {
  const client = new engineService.EngineClient(engineAddress, grpc.credentials.createInsecure());
  return (urn, line) =>
    new Promise((resolve) => {
      const request = new engineTypes.LogRequest()
        .setSeverity(engineTypes.LogSeverity.INFO)
        .setMessage(line)
        .setUrn(urn)
        .setEphemeral(true);
      client.log(request, (error) => {
        if (error) console.error(`cannot log to the engine at ${engineAddress}: ${error.message}: ${line}`);
        resolve();
      });
    });
}
