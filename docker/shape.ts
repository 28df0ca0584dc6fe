/**
 * Reads a value of JSON as what it should be, or throws with its place. By hand, since each probe of an `up` is a
 * process of its own, and a library for this takes as long to load as all the rest.
 */
export type Reader<T> = (value: unknown, place: string) => T;
export type Read<R> = R extends Reader<infer T> ? T : never;

const kind =
  <T>(is: (value: unknown) => value is T): Reader<T> =>
  (value, place) => {
    if (is(value)) return value;
    throw new Error(`${place} is not as Docker says it`);
  };

export const text = kind((value) => typeof value === "string");
export const number = kind((value) => typeof value === "number");
export const boolean = kind((value) => typeof value === "boolean");
const list = kind((value): value is unknown[] => Array.isArray(value));
const record = kind(
  (value): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value),
);

/** What may be left out, or null. */
export const maybe =
  <T>(read: Reader<T>): Reader<T | undefined> =>
  (value, place) =>
    value === undefined || value === null ? undefined : read(value, place);

/** The same, and then stands for `nothing`. */
export const or =
  <T>(nothing: NoInfer<T>, read: Reader<T>): Reader<T> =>
  (value, place) =>
    maybe(read)(value, place) ?? nothing;

/** Of an empty list Docker says null, or nothing. */
export const listOf =
  <T>(read: Reader<T>): Reader<T[]> =>
  (value, place) =>
    list(value ?? [], place).map((item, index) => read(item, `${place}.${index}`));

/** The same of an empty object. */
export const byName =
  <T>(read: Reader<T>): Reader<Record<string, T>> =>
  (value, place) =>
    Object.fromEntries(
      Object.entries(record(value ?? {}, place)).map(([name, item]) => [
        name,
        read(item, `${place}.${name}`),
      ]),
    );

type Fields = Readonly<Record<string, Reader<unknown>>>;
type ReadFields<F extends Fields> = { [Name in keyof F]: Read<F[Name]> };

/** Of an object these fields alone. */
export const object =
  <F extends Fields>(fields: F): Reader<ReadFields<F>> =>
  (value, place) => {
    const whole = record(value, place);
    return Object.fromEntries(
      Object.entries(fields).map(([name, read]) => [name, read(whole[name], `${place}.${name}`)]),
    ) as ReadFields<F>;
  };

/** Of an object these fields, and all others as they are. */
export const openObject =
  <F extends Fields>(fields: F): Reader<ReadFields<F> & Record<string, unknown>> =>
  (value, place) => ({ ...record(value, place), ...object(fields)(value, place) });
