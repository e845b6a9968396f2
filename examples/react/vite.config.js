import { defineConfig } from "vite";

export default defineConfig({
  esbuild: { jsx: "automatic" },
  build: { rollupOptions: { input: ["index.html", "task.html"] } },
  // npm run dev: the page comes from Vite, and its streams from the program in Python.
  server: { proxy: { "/events": "http://localhost:8080", "/steps": "http://localhost:8080" } },
});
