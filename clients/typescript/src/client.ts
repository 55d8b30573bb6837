import createClient, { type Client } from "openapi-fetch";

import type { paths } from "./schema.js";

/** Every route of Writ, with the types of its document. */
export type Writ = Client<paths>;

/** A client of one server; the key is sent as a bearer token. */
export function writ(url: string, key: string): Writ {
  return createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });
}

/** What an answer carries; a refusal is thrown in the words of the server. */
export function given<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) {
    throw new Error(`${answer.response.status}: ${JSON.stringify(answer.error)}`);
  }
  return answer.data;
}
