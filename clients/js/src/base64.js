/**
 * Bytes as text, as columns of bytes travel in JSON.
 *
 * @module
 */

/**
 * @param {Uint8Array} bytes
 * @returns {string} with padding
 */
export function base64(bytes) {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/**
 * @param {string} text
 * @returns {Uint8Array}
 */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (unit) => unit.charCodeAt(0));
}
