import type { Schemas } from "../api/ask";

type Body = Schemas["SearchBody"];

/** A search as a command of a shell. */
export function asCurl(body: Body, keys: boolean): string {
  // A quote ends the string, comes as itself, and another string begins.
  const json = JSON.stringify(body).replaceAll("'", String.raw`'\''`);
  const key = keys ? ' -H "Authorization: Bearer $POSTINGS_KEY"' : "";
  return `curl ${location.origin}/v1/search${key} --json '${json}'`;
}

/** A search in Python. */
export function asPython({ query, collection, ...options }: Body, keys: boolean): string {
  const weighted = typeof query !== "string";
  const client = [JSON.stringify(location.origin), ...(collection ? [`collection=${literal(collection)}`] : [])];
  if (keys) client.push('key=os.environ["POSTINGS_KEY"]');
  const said = Object.entries(options).map(([name, value]) => `, ${name}=${literal(value)}`);
  const terms = weighted ? query.terms.map((term) => `Term(${literal(term.token ?? "")}, ${term.index}, ${term.weight}, ${literal(term.exact_word ?? false)}),`) : [];
  const asked = weighted
    ? `WeightedQuery(\n        ${literal(query.text)},\n        [\n            ${terms.join("\n            ")}\n        ],\n    )`
    : literal(query);
  return [
    ...(keys ? ["import os", ""] : []),
    `from postings_query import ApiClient${weighted ? ", Term, WeightedQuery" : ""}`,
    "",
    `with ApiClient(${client.join(", ")}) as client:`,
    `    hits = client.search(${asked}${said.join("")})`,
  ].join("\n");
}

/** A value as Python writes it. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object")
    return `{${Object.entries(value).map(([name, each]) => `${literal(name)}: ${literal(each)}`).join(", ")}}`;
  return JSON.stringify(value);
}
