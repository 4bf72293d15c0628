"""Name services that share the DNS message: DNS, mDNS and NBNS, a module each."""
