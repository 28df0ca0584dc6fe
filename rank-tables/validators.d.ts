import type { ErrorObject } from "ajv";

interface Validate {
  (table: unknown): boolean;
  errors?: readonly ErrorObject[] | null;
}

export declare const validateGlobalRankTable: Validate;
export declare const validateHostRankTable: Validate;
export declare const validateLocalRankTable: Validate;
