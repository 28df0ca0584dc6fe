import type { Declared } from "./stack-file/schema.ts";

/** Of Ascend NPUs: what images are compiled for. */
export type Generation = NonNullable<Declared["hosts"][string]["generation"]>;

type Npus = Pick<Declared["hosts"][string], "npus" | "generation">;

/** Of a host's NPUs; where the stack file says nothing, 16 device nodes are an A3's. */
export const generationOf = ({ npus, generation }: Npus): Generation =>
  generation ?? (npus === 16 ? "a3" : "a2");

/** How many NPUs of a host are on one card: 2k and 2k + 1, or each on its own. */
export const diesPerCard = (host: Npus): 1 | 2 => (generationOf(host) === "a3" ? 2 : 1);
