/** An object of the Kubernetes API, as far as those who apply it look into it. */
export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** For people: `StatefulSet 1p1d-decode-0`. */
export const titleOf = ({ kind, metadata }: ApiObject): string => `${kind} ${metadata.name}`;
