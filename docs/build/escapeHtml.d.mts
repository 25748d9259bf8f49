export function escapeHtml(text: string): string;
export function escapeAttribute(text: string): string;
