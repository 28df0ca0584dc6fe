import { createHash, timingSafeEqual } from "node:crypto";
import { Party } from "../data/party.ts";
import { Failure } from "../errors.ts";
import { type Field, valueIfSole } from "../http/head.ts";
import { type Key, OPERATOR } from "./key-file.ts";
import { isPass } from "./pass.ts";

/** Whose key a request has shown. */
export interface Holder extends Pick<Key, "name" | "trusted"> {
  /** Whom its requests are counted for, whatever their address. */
  readonly party: Party;
}

/**
 * Say how an engine is to treat a request, or which trace it is part of and whether that is kept: they count with a trusted
 * key alone.
 */
const STEERING = ["x-session-id", "x-vllm-priority", "traceparent", "tracestate"];
const BEARER = /^bearer +([\x21-\x7e]+)$/i;

/** Lets in who shows a key, where there are any; and of a head what whoever asks may say. */
export class Gate {
  readonly #passSecret: Uint8Array;
  /** Whether engines see what a client shows: it is meant for them where the scheduler asks for nothing itself. */
  readonly #passesOn: boolean;
  readonly #parties = new Map<string, Party>();
  #keys: readonly { readonly holder: Holder; readonly digest: Buffer }[] | undefined;

  constructor(passSecret: Uint8Array, passesOn: boolean) {
    this.#passSecret = passSecret;
    this.#passesOn = passesOn;
  }

  /** `undefined`: everybody may ask. Who was there before keeps what runs and waits. */
  renew(keys: readonly Key[] | undefined): void {
    const names = new Set([OPERATOR, ...(keys ?? []).map(({ name }) => name)]);
    for (const name of this.#parties.keys()) if (!names.has(name)) this.#parties.delete(name);
    this.#keys = keys?.map(({ name, trusted, share, priority, sha256 }) => {
      const party = Object.assign(this.#partyOf(name), { share, priority });
      return { holder: { name, trusted, party }, digest: Buffer.from(sha256, "hex") };
    });
  }

  #partyOf(name: string): Party {
    const party = this.#parties.get(name) ?? new Party();
    this.#parties.set(name, party);
    return party;
  }

  /** Who asks; `undefined` where everybody may. Throws a Failure (401) for who may not. */
  holder(fields: readonly Field[]): Holder | undefined {
    if (this.#keys === undefined) return undefined;
    const [, token] = BEARER.exec(valueIfSole(fields, "authorization") ?? "") ?? [];
    if (token === undefined) throw new Failure("no_api_key");
    const holder = this.#find(token);
    if (holder === undefined) throw new Failure("invalid_api_key");
    return holder;
  }

  /** The lines of a head that count. */
  counting(fields: readonly Field[], holder: Holder | undefined): readonly Field[] {
    for (const { name } of fields)
      if (this.#drops(name, holder)) return fields.filter((field) => !this.#drops(field.name, holder));
    return fields;
  }

  #drops(name: string, holder: Holder | undefined): boolean {
    if (name === "authorization") return !this.#passesOn || holder !== undefined;
    return STEERING.includes(name) && holder?.trusted !== true;
  }

  /** All are compared, each in constant time: how long it takes tells nothing of a key that there is. */
  #find(token: string): Holder | undefined {
    const digest = createHash("sha256").update(token).digest();
    let found: Holder | undefined;
    for (const key of this.#keys ?? []) if (timingSafeEqual(key.digest, digest)) found = key.holder;
    if (found !== undefined) return found;
    if (!isPass(this.#passSecret, token, Date.now())) return undefined;
    return { name: OPERATOR, trusted: true, party: this.#partyOf(OPERATOR) };
  }
}
