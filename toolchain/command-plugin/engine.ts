import grpc from "@grpc/grpc-js";
import engineService from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engineTypes from "@pulumi/pulumi/proto/engine_pb.js";

export interface LogLine {
  readonly urn: string;
  readonly severity: keyof typeof severities;
  readonly message: string;
  /** Shown while the resource is worked on, then gone. */
  readonly ephemeral: boolean;
}

const severities = {
  info: engineTypes.LogSeverity.INFO,
  warning: engineTypes.LogSeverity.WARNING,
};

/** Messages to the engine at this address. One that cannot be delivered does not fail the command. */
export function engineLog(address: string): (line: LogLine) => Promise<void> {
  const client = new engineService.EngineClient(address, grpc.credentials.createInsecure());
  return ({ urn, severity, message, ephemeral }) =>
    new Promise((resolve) => {
      const request = new engineTypes.LogRequest()
        .setSeverity(severities[severity])
        .setMessage(message)
        .setUrn(urn)
        .setEphemeral(ephemeral);
      client.log(request, (error) => {
        if (error) console.error(`cannot log to the engine at ${address}: ${error.message}: ${message}`);
        resolve();
      });
    });
}
