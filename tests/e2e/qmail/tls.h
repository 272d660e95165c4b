/* The object that the TLS patch adds, for the tests: nothing is encrypted. */
int tls_init(void);
