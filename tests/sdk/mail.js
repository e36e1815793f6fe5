import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** The token of the link in the last mail of a folder, once it is there: it is written after the answer. */
export const tokenOfMail = async (folder) => (await linkOfMail(folder)).match(/[?&#]token=([\w.-]+)/)[1];

/** That link. */
export async function linkOfMail(folder) {
  for (let tries = 0; tries < 100; tries += 1) {
    const names = await readdir(folder).catch(() => []);
    const mails = names.filter((name) => name.endsWith('.eml'));
    if (mails.length > 0) {
      const mail = await readFile(join(folder, mails.sort().at(-1)), 'utf8');
      const body = mail.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
      const link = body.match(/https?:[^\s"<>]*[?&#]token=[\w.-]+/);
      if (link) return link[0];
    }
    await pause(100);
  }
  throw new Error(`no mail with a link in ${folder}`);
}
