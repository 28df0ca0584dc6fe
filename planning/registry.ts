/** What stands for Docker Hub in front of an image's name, and in files of credentials. */
const hub = "docker.io";
const hubs = new Set([
  ...["", hub, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com"],
  ...["auth.docker.io", "www.docker.io", "docker.com", "www.docker.com"],
]);

/**
 * A registry by one of its names, by that which all have in common: `https://Index.Docker.io/v1/` is `docker.io`, and
 * `QUAY.io:443` is `quay.io`. Another port is another registry.
 */
export function registryNamed(address: string): string {
  const [, scheme = "https", rest = ""] =
    /^(?:([a-z]+):\/\/)?(.*)$/is.exec(address.trim().toLowerCase()) ?? [];
  const [authority = ""] = rest.split(/[/?#]/, 1);
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const name = host.replace(scheme === "http" ? /:80$/ : /:443$/, "").replace(/\.$/, "");
  return hubs.has(name) ? hub : name;
}

/** That of an image: what is before the first slash, if it looks like a host. */
export function registryOf(image: string): string {
  const [first = "", rest] = image.split("/", 2);
  return registryNamed(rest !== undefined && /[.:A-Z]|^localhost$/.test(first) ? first : hub);
}
