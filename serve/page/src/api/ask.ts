import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Hit = Schemas["Hit"];
export type Contribution = Schemas["Contribution"];

type Method = "GET" | "POST";
type Operation<M extends Method, P extends keyof paths> = paths[P][Lowercase<M> & keyof paths[P]];
type With<M extends Method> = { [P in keyof paths]: Operation<M, P> extends object ? P : never }[keyof paths];
type Json<T> = T extends { content: { "application/json": infer Found } } ? Found : never;
type Answer<O> = O extends { responses: infer R } ? Json<R[keyof R & (200 | 202)]> : never;
type Body<O> = O extends { requestBody?: { content: infer C } }
  ? (C extends { "application/json": infer B } ? B : never) | (C extends { "multipart/form-data": unknown } ? FormData : never)
  : never;
type Path<O> = O extends { parameters: { path: infer Found } } ? Found : never;
type Query<O> = O extends { parameters: { query?: infer Found } } ? Found : never;

interface Asked<O> {
  /** What stands in the braces of the path. */
  path?: Path<O>;
  query?: Query<O>;
  body?: Body<O>;
  signal?: AbortSignal;
}

const KEY = "postings-key";

const told = document.querySelector<HTMLMetaElement>("meta[name=caller]")!.content;

/** What `/v1/whoami` says where no key is needed: the service writes it into the page, which can then search at once. */
export const ANYBODY: Schemas["Caller"] | undefined = told ? JSON.parse(told) : undefined;

/** The API key of this tab. To read it for nothing would be slow: the browser opens a file for it. */
export function keptKey(): string | null {
  return ANYBODY ? null : sessionStorage.getItem(KEY);
}

/** An event of the window: the key isn't known any more. */
export const KEY_REFUSED = "keyrefused";

/** Use another API key, in this tab. */
export function keepKey(key: string): void {
  sessionStorage.setItem(KEY, key);
}

/** A request that failed, with the service's own words. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly name: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** Ask the service; the types are those of its OpenAPI description. Throws a Problem if it doesn't answer as asked. */
export async function ask<M extends Method, P extends With<M>>(
  method: M,
  path: P,
  { path: names, query, body, signal }: Asked<Operation<M, P>> = {},
): Promise<Answer<Operation<M, P>>> {
  const named = path.replace(/{(\w+)}/g, (_, name: string) => encodeURIComponent((names as Record<string, string>)[name]!));
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
  const search = given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
  const key = keptKey();
  const isForm = (body as unknown) instanceof FormData;
  let found;
  try {
    found = await fetch(named + search, {
      method,
      headers: { ...(key && { Authorization: `Bearer ${key}` }), ...(body && !isForm && { "Content-Type": "application/json" }) },
      ...(body && { body: isForm ? (body as FormData) : JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "unreachable", "The service doesn't answer. Is postings serve still running?");
  }
  if (found.ok) return found.json();
  if (found.status === 401 && key) {
    sessionStorage.removeItem(KEY);
    dispatchEvent(new Event(KEY_REFUSED));
  }
  const said: Partial<Schemas["ProblemDetails"]> = await found.json().catch(() => ({}));
  throw new Problem(found.status, said.error ?? "problem", said.detail ?? `${found.status} ${found.statusText}`);
}
