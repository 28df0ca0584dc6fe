import { isCredential, masked } from "../../planning/credentials/credential.ts";
import { maskPasswords } from "../../planning/credentials/url-password.ts";

/** Pulumi marks a special value by this key of an object, and a value that it does not know yet is this text. */
const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export function isSecretObject(value: object): boolean {
  return Object.hasOwn(value, signature) && Reflect.get(value, signature) === secretSignature;
}

const privateKey = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]{0,40}-----|$)/g;
const authorization = /\b(Bearer|Basic) +[\w.~+/=-]+/g;
const knownToken = /\b(gh[pousr]_|github_pat_|glpat-|hf_|sk-|xox[abp]-|AKIA)[\w-]{10,}/g;
/** A name, what stands between, and, not consumed, the value: it may be a name and a value itself. */
const named =
  /(?<![\w-])([\w-]{1,100})(?:=|["']\s{0,9}:\s{0,9}|:\s{1,9}|(?<=(?<![\w-])-[\w-]{1,100}) {1,9})(?=("[^"]*"|'[^']*'|\S+))/g;

/** Text of some ten thousand characters at most, with what looks like a credential in it masked. */
export function maskText(text: string): string {
  return maskNamed(
    maskPasswords(text.replaceAll(unknown, "(known after the deployment)"), masked)
      .replace(privateKey, masked)
      .replace(authorization, `$1 ${masked}`)
      .replace(knownToken, masked),
  );
}

function maskNamed(text: string): string {
  let safe = "";
  let end = 0;
  for (const { index, 0: before, 1: name = "", 2: value = "" } of text.matchAll(named)) {
    const start = index + before.length;
    if (start < end || !isCredential(name, value)) continue;
    safe += text.slice(end, start) + masked;
    end = start + value.length;
  }
  return safe + text.slice(end);
}
