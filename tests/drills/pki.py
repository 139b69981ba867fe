"""Certificates for drills, made by openssl."""

import ipaddress
import subprocess

import stage as staging


class Pki:
    """An authority of the drill's own."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = folder / "ca.pem"
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=drill authority",
                  "-keyout", folder / "ca.key", "-out", self.ca)

    def issue(self, name, *names, days="30", more="", curve=None):
        key, request, cert, extensions = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem", "ext"))
        alternatives = ",".join(f"{'IP' if _is_address(n) else 'DNS'}:{n}" for n in names if " " not in n) or "DNS:none.invalid"
        extensions.write_text(f"subjectAltName={alternatives}\nbasicConstraints=CA:FALSE\n{more}")
        if not key.exists():
            kind = ("EC", f"ec_paramgen_curve:{curve}") if curve else ("RSA", "rsa_keygen_bits:2048")
            self._run("genpkey", "-algorithm", kind[0], "-pkeyopt", kind[1], "-out", key)
        self._run("req", "-new", "-key", key, "-subj", f"/CN={names[0]}", "-out", request)
        fresh = self.folder / f"{name}.new"
        self._run("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.folder / "ca.key", "-days", days, "-extfile", extensions, "-out", fresh)
        fresh.replace(cert)
        return str(cert), str(key)

    def issue_dsa(self, name, *names):
        """Signed by itself, with a key of a kind that has gone out of use."""
        parameters, key, cert = (self.folder / f"{name}.{end}" for end in ("par", "key", "pem"))
        self._run("dsaparam", "-out", parameters, "1024")
        self._run("gendsa", "-out", key, parameters)
        self._run("req", "-x509", "-new", "-key", key, "-subj", f"/CN={names[0]}", "-days", "30", "-out", cert)
        return str(cert), str(key)

    @staticmethod
    def _run(*arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise staging.Failure(f"openssl {arguments[0]}: {done.stderr[-300:]}")


def _is_address(name):
    try:
        ipaddress.ip_address(name)
        return True
    except ValueError:
        return False
