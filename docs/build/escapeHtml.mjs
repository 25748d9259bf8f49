/** Text between tags. */
export const escapeHtml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Text as the value of an attribute, in double quotes. */
export const escapeAttribute = (text) => escapeHtml(text).replaceAll('"', '&quot;');
