import { run } from "../../helpers/program.ts";
import { temporaryFolder } from "../../helpers/temporary.ts";

/** Certificates of a test CA, in a temporary folder. */
export interface Certificates extends AsyncDisposable {
  /** The path of the CA certificate. */
  readonly ca: string;
  /** The path of the certificate of another CA, which has signed nothing. */
  readonly otherCa: string;
  /** The paths of the server's certificate for 127.0.0.1, and of its key. */
  readonly cert: string;
  readonly key: string;
  /** The arguments of a server with TLS, whose port follows `--tls-port`. */
  readonly args: readonly string[];
}

/** Creates certificates with openssl. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await temporaryFolder();
  const at = (name: string) => `${folder.path}/${name}.pem`;
  await Promise.all(
    ["ca", "other"].map((name) => createAuthority(at(name), at(`${name}-key`), name)),
  );
  await signFor(at, "127.0.0.1");
  const [ca, cert, key] = [at("ca"), at("cert"), at("key")];
  const files = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", ca];
  return {
    ca,
    otherCa: at("other"),
    cert,
    key,
    args: [...files, "--port", "0"],
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

/** Elliptic curves: their keys are created fast. */
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

async function createAuthority(cert: string, key: string, name: string): Promise<void> {
  const subject = ["-subj", `/CN=test authority ${name}`, "-days", "2"];
  await run("openssl", ["req", "-x509", ...NEW_KEY, ...subject, "-keyout", key, "-out", cert]);
}

async function signFor(at: (name: string) => string, address: string): Promise<void> {
  const subject = ["-subj", `/CN=${address}`, "-addext", `subjectAltName=IP:${address}`];
  const files = ["-keyout", at("key"), "-out", at("request")];
  await run("openssl", ["req", ...NEW_KEY, ...subject, ...files]);
  const authority = ["-CA", at("ca"), "-CAkey", at("ca-key"), "-CAcreateserial", "-days", "2"];
  const output = ["-in", at("request"), "-copy_extensions", "copy", "-out", at("cert")];
  await run("openssl", ["x509", "-req", ...authority, ...output]);
}
