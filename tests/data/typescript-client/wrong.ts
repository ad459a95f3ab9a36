// Each line that ends with "wrong" has an error that the types must find, and no other has one.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const client = createClient<paths>({ baseUrl: "http://localhost:8000" });

const body: components["schemas"]["SearchBody"] = { query: "lions", limits: 2 }; // wrong
await client.POST("/v1/search", { body });
await client.POST("/v1/search", { body: { query: "lions", limit: "2" } }); // wrong
await client.POST("/v1/search", { body: { query: "lions", fusion: "mean" } }); // wrong
await client.POST("/v1/search", { body: { limit: 2 } }); // wrong
await client.POST("/v1/search", { body: { query: { text: "lions" } } }); // wrong
await client.POST("/v1/search", { body: { query: { text: "lions", terms: [{ token: "lion" }] } } }); // wrong
await client.POST("/v1/search", { body: { query: { text: "lions", terms: [{ index: 1, weight: 0.5 }] } } });
await client.POST("/v1/serach", { body: { query: "lions" } }); // wrong
await client.GET("/v1/search", {}); // wrong
await client.POST("/v1/documents", { body: { documents: [{ text: "A lion." }] } }); // wrong
await client.GET("/v1/jobs/{id}", { params: { path: { job: "5f0c" } } }); // wrong
const { data, error } = await client.POST("/v1/search", { body: { query: "lions" } });
console.log(data.hits); // wrong
console.log(data?.hits[0].scores); // wrong
const score: string | undefined = data?.hits[0]?.score; // wrong
console.log(score, error?.detail.toUpperCase(), error?.details); // wrong
