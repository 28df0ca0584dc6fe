/** The whole page, with all that it needs. */
export const html: string;
/** The Content-Security-Policy that lets this page's own script and style run, by their hashes, and nothing else. */
export const csp: string;
