// Signs and verifies tokens as Directus 11 does (api/src/services/authentication.ts, api/src/utils/jwt.ts).
// One JSON command a line on stdin, one JSON answer a line on stdout.
import { createInterface } from 'node:readline';
import jwt from 'jsonwebtoken';

const commands = {
	sign: ({ payload, secret, expiresIn }) => ({ token: jwt.sign(payload, secret, { expiresIn, issuer: 'directus' }) }),
	verify: ({ token, secret }) => {
		const payload = jwt.verify(token, secret, { issuer: 'directus' });
		if (payload.role === undefined || payload.app_access === undefined || payload.admin_access === undefined) {
			return { error: 'Invalid token payload.' };
		}
		return { payload };
	},
};

for await (const line of createInterface({ input: process.stdin })) {
	const command = JSON.parse(line);
	let answer;
	try {
		answer = commands[command.op](command);
	} catch (error) {
		answer = { error: error.message };
	}
	process.stdout.write(JSON.stringify(answer) + '\n');
}
