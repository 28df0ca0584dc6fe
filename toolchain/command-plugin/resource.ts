import type { Problem } from "./shape.ts";
import type { PropertyMap } from "./values.ts";

/** One create, update or delete that the engine asked for. */
export interface Operation {
  /** Aborted when the engine cancels, or when the resource's custom timeout is over. */
  readonly signal: AbortSignal;
  /** Shows a line beside the resource while it is worked on. */
  status(line: string): Promise<void>;
  /** Shows a message that stays. */
  warn(message: string): Promise<void>;
}

/**
 * A resource type. Its outputs are its inputs and what `create` and `update` return; a failed `create` leaves
 * nothing in the state. Inputs and state come with their secrets laid open and have passed `check`, whose own
 * inputs are as the program gave them.
 */
export interface Resource {
  /** Outputs that no preview can tell. */
  readonly computed: readonly string[];
  /** The inputs with defaults filled in and credentials marked secret, and what is wrong with them. */
  check(inputs: PropertyMap): { readonly inputs: PropertyMap; readonly failures: readonly Problem[] };
  create(inputs: PropertyMap, operation: Operation): Promise<PropertyMap>;
  update(inputs: PropertyMap, state: PropertyMap, operation: Operation): Promise<PropertyMap>;
  delete(state: PropertyMap, operation: Operation): Promise<void>;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
