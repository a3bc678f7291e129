// SPDX-License-Identifier: Apache-2.0
// An account service that signs with RSA: `rsa_token.mjs keys DIRECTORY` makes private.pem, public.pem and a key
// set keys.json; `rsa_token.mjs token DIRECTORY CLAIMS-JSON` prints a token that is valid for an hour;
// `rsa_token.mjs session DIRECTORY` one of two parts.
import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const [verb, directory, claims] = process.argv.slice(2);
const kid = "account-service-1";
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

if (verb === "keys") {
	const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
	writeFileSync(`${directory}/private.pem`, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
	writeFileSync(`${directory}/public.pem`, publicKey.export({ type: "spki", format: "pem" }));
	writeFileSync(`${directory}/keys.json`,
		JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" }] }));
} else {
	const key = createPrivateKey(readFileSync(`${directory}/private.pem`));
	if (verb === "session") {
		const session = randomBytes(16);
		console.log(`${session.toString("base64url")}.${sign("sha256", session, key).toString("base64url")}`);
	} else {
		const now = Math.floor(Date.now() / 1000);
		const body = `${encode({ alg: "RS256", typ: "JWT", kid })}.${encode({ iat: now, exp: now + 3600, ...JSON.parse(claims) })}`;
		console.log(`${body}.${sign("sha256", Buffer.from(body), key).toString("base64url")}`);
	}
}
