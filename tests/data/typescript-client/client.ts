// What a program in TypeScript does with a service, over types that openapi-typescript has generated.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Hit = components["schemas"]["Hit"];
type Term = components["schemas"]["Term"];
type Query = components["schemas"]["SearchBody"]["query"];
type Problem = components["schemas"]["ProblemDetails"];

const client = createClient<paths>({ baseUrl: process.argv[2]! });

async function indexed(documents: components["schemas"]["Record"][]): Promise<number> {
  const { data, error } = await client.POST("/v1/documents", { body: { documents } });
  if (error) throw new Error(error.detail);
  for (;;) {
    const job = await client.GET("/v1/jobs/{id}", { params: { path: { id: data.job } } });
    if (job.error) throw new Error(job.error.detail);
    if (job.data.finished) return job.data.indexed;
    await new Promise((again) => setTimeout(again, 50));
  }
}

async function search(query: Query): Promise<Hit[]> {
  const { data, error } = await client.POST("/v1/search", { body: { query, limit: 2, explain: true } });
  if (error) throw new Error(error.detail);
  return data.hits;
}

async function terms(query: string): Promise<Term[]> {
  const { data, error } = await client.POST("/v1/search", { body: { query, limit: 1, explain: true } });
  if (error) throw new Error(error.detail);
  return data.terms ?? [];
}

async function problem(): Promise<Problem> {
  const { error } = await client.POST("/v1/search", { body: { query: "lions", collection: "nowhere" } });
  if (!error) throw new Error("there is no such collection");
  return error;
}

const count = await indexed([
  { id: "cheetah", text: "A cheetah is running behind its prey.", legs: 4 },
  { id: "violin", text: "A woman is playing violin.", metadata: { year: 1999 } },
]);
const [best] = await search("chasing prey");
const found = await terms("chasing prey");
const [last] = await search({ text: "prey", terms: found.filter((term) => term.exact_word && term.token === "prey") });
const shown = await client.GET("/v1/documents/{id}", { params: { path: { id: "violin" } } });
const { error, retry } = await problem();
const token = best?.contributions?.[0];
console.log(
  JSON.stringify({
    indexed: count,
    best: best?.id,
    parts: last?.contributions?.map((part) => part.token),
    token: token?.token.toUpperCase(),
    evidence: token?.evidence.map(([start, end]) => best?.text.slice(start, end)),
    year: shown.data?.metadata["year"],
    error,
    retry,
  }),
);
