/*
 * Requests to the hub.  Every path is relative to the page, which may be anywhere in a site.
 */

/* Make a request, and return the answer; an error has the hub's own sentence. */
export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") {
      throw error;
    }
    throw new Error("The hub cannot be reached.");
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail ?? `The answer is ${response.status}.`);
  }
  return response.status === 204 ? null : response.json();
}
