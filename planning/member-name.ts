/** The name of a container beside the head of an instance over several hosts; the head has that of the instance. */
export const memberNameOf = (head: string, index: number): string =>
  index === 0 ? head : `${head}-member-${index}`;

/** With the head's name in its first group. No instance can be named so. */
export const memberName = /^(.+)-member-\d+$/;

/** The name of the instance that a container is of. */
export const headNameOf = (name: string): string => memberName.exec(name)?.[1] ?? name;
