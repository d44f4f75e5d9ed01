/*
 * pem: keys for the tests. The good ones are those of the RFCs, whose signatures are known; the
 * others were made by `openssl genpkey` and bent by hand.
 */
#ifndef WXL_PEM_H
#define WXL_PEM_H

/* RFC 7515, appendix A.3 and A.2; RFC 8037, appendix A.1 */
#define ES256_PEM                                                        \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n" \
    "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n" \
    "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"         \
    "-----END PRIVATE KEY-----\n"

#define ES256_PUBLIC_PEM                                                 \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n" \
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"     \
    "-----END PUBLIC KEY-----\n"

#define RS256_PEM                                                        \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO\n" \
    "jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL\n" \
    "aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn\n" \
    "juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5\n" \
    "ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf\n" \
    "toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg\n" \
    "VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW\n" \
    "PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G\n" \
    "O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj\n" \
    "kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6\n" \
    "XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB\n" \
    "4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K\n" \
    "pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr\n" \
    "0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE\n" \
    "lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6\n" \
    "kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP\n" \
    "rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw\n" \
    "kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp\n" \
    "5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2\n" \
    "9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/\n" \
    "evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG\n" \
    "yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj\n" \
    "OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2\n" \
    "tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3\n" \
    "ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56\n" \
    "03k2+ZQwVK0JKSHuLFkuQ3U=\n"                                         \
    "-----END PRIVATE KEY-----\n"

#define RS256_PUBLIC_PEM                                                 \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj\n" \
    "NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz\n" \
    "P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo\n" \
    "9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB\n" \
    "EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX\n" \
    "FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp\n" \
    "oQIDAQAB\n"                                                         \
    "-----END PUBLIC KEY-----\n"

#define EDDSA_PEM                                                        \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n" \
    "-----END PRIVATE KEY-----\n"

#define EDDSA_PUBLIC_PEM                                             \
    "-----BEGIN PUBLIC KEY-----\n"                                   \
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n" \
    "-----END PUBLIC KEY-----\n"

/* another curve */
#define P384_PEM                                                         \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDAuZlNMiTVWEcgIJqPn\n" \
    "DaC1Q8s2frz7eSbSKL85WdYvgXzmYhFAB2cCDQO09mO4yLqhZANiAAQpCO6H3Qep\n" \
    "dIDFEWutYrtX7lROuraubVyBZYUK60WNO/DvoaH/8yksRB7IUQ7c5azlx7R/QKHQ\n" \
    "AiQlpcxPL+EHivShYb9oaZMqsm6Vba66qdAdQMaPVzGgmSbSx8rz77s=\n"         \
    "-----END PRIVATE KEY-----\n"

/* a curve of as many bits */
#define SECP256K1_PEM                                                    \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQgiDau0GcUQSi2yFqHcaGf\n" \
    "pOS0dTK/o/hk6f9vp1smQfShRANCAASSOBSJhBco/JLH9wXU9xseqcauq5CqOhja\n" \
    "plRXuTXMhSCYqVSCU8RI022R5Qo92SKWyqdyHVYj3sdUYdCsNq2l\n"             \
    "-----END PRIVATE KEY-----\n"

/* the other curve of EdDSA */
#define ED448_PEM                                                        \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MEcCAQAwBQYDK2VxBDsEOXlPaofSyipS0Ycgu10YRgWDhZsGNu15VdfjlbdZKd2r\n" \
    "h0NLkM+IHUVKuqQyCVynIswmPUPWAMUAMA==\n"                             \
    "-----END PRIVATE KEY-----\n"

/* too short */
#define RSA_1024_PEM                                                     \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBANu2XjwRj1pq5cGF\n" \
    "JhvPZyHwTqxAHbIZwgNDI/dTNxnitR4W92QgMFPDnJEsl8flqcdswHMH6vWgM1Cz\n" \
    "M14uXFo0CtkLQ/1r9mL1J+t11SJmsaLNoLQZ/w09ZBGF4e5Ap9t2giOf4Bcr2dm5\n" \
    "8Y4xTV7t08Kt/Utml3JfPToS3rbNAgMBAAECgYEArzOJiZTnH07Gz76BWQPWVbXu\n" \
    "xmSKSY9IqplLgNmWwsmJa+kcdXdFkkYV/53zmq+E50XNYO0ba6rHwL5lY+DMOpdS\n" \
    "zR6w9L0hxsEqFR2N51XUkx3Op9C2pUFmQx3dqXHbndjVKqaBq0E0xJG25ItZGRde\n" \
    "kE/dfDIoEVVsOoyvtvECQQD3zh0FvkHBlgC3SObjG2fW3FlKVgiZ36H76SgBY/sC\n" \
    "b0BLle4Td/Ao5A+A2NLRriO/qE8//IVyGAwNXeTsR9+vAkEA4vps0F9UuewNgFnD\n" \
    "5N6o45lxANz0CrOP5Z/OR+IFlfCUK5f+yK1t6M0zjM5mSLBGrhBLcgLUkv604sPN\n" \
    "fqKUQwJAZPymbzS973qGCCu5jEwa4UEjUlwFXU/534OBPi/Ul4VnGmabg2uZf9CR\n" \
    "UN0L7U+eWfjpcxYh/AE4yCm/pVsVGQJBAJVLiPVKLy2XoY3R/XL2Lfp+vACIVREQ\n" \
    "6M5t3b4UYf4s3xkJgfG3eXrONmEghdC7+dGWMDnOuMnzNUGO7wSjpYcCQD6E+SGi\n" \
    "/mt303ELYhNtKEdpba0Y6QPpypXDZC9E6Ye9h19a4+9E61/dQrCYrdLBbXqkzyYF\n" \
    "fm/rVrcRHCyE/9I=\n"                                                 \
    "-----END PRIVATE KEY-----\n"

/* too short by a bit */
#define RSA_2047_PEM                                                     \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MIIBITANBgkqhkiG9w0BAQEFAAOCAQ4AMIIBCQKCAQBSGe640FAQgKAI53bLKLff\n" \
    "CP/79YbcrhWd9e9aMcF5rNwaxQ+K3i4HsjTtCH0IP1YYSYBqJcicjo8rZNsUg8LI\n" \
    "UMjySuM8t4KBdRCGLwv0wJwGahexw7mCflCLFCDCc4+CMhqb9NzMntqfCM403HZB\n" \
    "p1Oj6Nq8ao8es7n+zkbzlsYL0HOrU5FVKXp4n38AVczWVi0yCGxOWsw4C4mH3IJq\n" \
    "euqfHs9ZeheAixIKFWmTESpAMAZUeqk9QBhuiBZzgKg5gbp+tSN83yHbLgkx76Pe\n" \
    "lrdlryrAAd2gHhgfKwo4pcrZ6dOvEukgiAmIEDOQ5G/Zj9id7mmj93rIwtVCnDhJ\n" \
    "AgMBAAE=\n"                                                         \
    "-----END PUBLIC KEY-----\n"

/* RSA, but for PS256 only */
#define RSA_PSS_PEM                                                      \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAOMDmvh51/VQg0cIoOeRbc3E\n" \
    "dl1tMtGtcWJFSm7Xr7hW3aolRBKUijHmOljxT/G6lRZLxacfUH7lJnxuD3w3Zabc\n" \
    "R/a8sHgwB6UlJJHKGK/8CBAyi7ruHFZVrmEs5S4Mx4CqiyJQQ5Cy43FfWe9hXoq7\n" \
    "7q80DtzhGi6qAJ7CVv876DA7X4FHFKr1N9WTLtAzVrtE4K6xci0Tn36J7WUnqdVG\n" \
    "5G+c6jruyb+IIRvEWYnFg6Dd9rtYxkEs9Xu21gzsGE2cFa1OfsM8ygULEB8N0xhk\n" \
    "unAEh703Bnw/DHCeOAncXZD9WGFePBNhIJhLcQY/sfvtUMM2oxkmrnncpZ0GnnkC\n" \
    "AwEAAQ==\n"                                                         \
    "-----END PUBLIC KEY-----\n"

/* the exponent is 1: everything is a signature */
#define RSA_E1_PEM                                                       \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEAofgWCuLjybRlzo0tZWJj\n" \
    "NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz\n" \
    "P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo\n" \
    "9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB\n" \
    "EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX\n" \
    "FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp\n" \
    "oQIBAQ==\n"                                                         \
    "-----END PUBLIC KEY-----\n"

/* good, as `openssl ecparam -genkey` writes it */
#define EC_PARAMETERS_PEM                                                \
    "-----BEGIN EC PARAMETERS-----\n"                                    \
    "BggqhkjOPQMBBw==\n"                                                 \
    "-----END EC PARAMETERS-----\n"                                      \
    "-----BEGIN EC PRIVATE KEY-----\n"                                   \
    "MHcCAQEEIJo3ghQxExe9NzG7ThF86/Q/rmLcYVZzOCDHfaSTheuloAoGCCqGSM49\n" \
    "AwEHoUQDQgAEtJCq5dUtHELiXKhJBhl8RHgbswLsohuXw19cqqqt0VNblCHTfi+Q\n" \
    "EZOQCiqinpF0mpLY2OImDb1sE+4/jOntqg==\n"                             \
    "-----END EC PRIVATE KEY-----\n"

/* a passphrase */
#define LOCKED_PEM                                                       \
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"                            \
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjaxdc+eoWlFAICCAAw\n" \
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEE14pEo6VCM8V1Imic60p9QEgZC/\n" \
    "2/lKYKkX6rG7qdLvP5Ns/thkuAJLCRkz4e4m72HrXAL/zdNVq+fbwc4KcZbQtKmc\n" \
    "We5ufN+1WIOumtjj6wPDePeMs9n5ab/WgTfACesaGZ/UjAVr2mMShAXx5kiHOvlq\n" \
    "A/h8QsFmwq+uh92Gj5gvxvTTYfcaAt+sEN4CcHgBvY88FDOoTtfEpe8ihCmwHEk=\n" \
    "-----END ENCRYPTED PRIVATE KEY-----\n"

/* a passphrase, in the old form */
#define LOCKED_OLD_PEM                                                   \
    "-----BEGIN EC PRIVATE KEY-----\n"                                   \
    "Proc-Type: 4,ENCRYPTED\n"                                           \
    "DEK-Info: AES-128-CBC,EA8AFE9D48DA7B7C002829B217A6F273\n"           \
    "\n"                                                                 \
    "Ha9Rw39ZTuUObzbDz4sdR8nkEbiJQNb6KhM1p5J+1EunflnFK+v6MlL/L4RjuLuF\n" \
    "N60yfPkUA9qqms8KRJfWZeCoLt/BORl8y56uTGmVIqTQDcubAchzUcgTiZF3LOdS\n" \
    "EF87OgR8ZW/KVlq8n1gLOOo5Y9f0eORFuAuv60853HQ=\n"                     \
    "-----END EC PRIVATE KEY-----\n"

/* the public half of another key */
#define HALVES_PEM                                                       \
    "-----BEGIN EC PRIVATE KEY-----\n"                                   \
    "MHcCAQEEIOWa7+K55+yTOAx5rLqzYzznpfsy9kY3Tbs3LhrtVriVoAoGCCqGSM49\n" \
    "AwEHoUQDQgAEtdTKwfQxe6cMzUkM2XnrHYQ/xAUmpSCQK5rLgGsxI617t9/RvYCx\n" \
    "cJfs/5jZ1CxzFoFxDTqOp769E0jDIKCZgA==\n"                             \
    "-----END EC PRIVATE KEY-----\n"

/* a point that is not on the curve */
#define OFF_CURVE_PEM                                                    \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtdTKwfQxe6cMzUkM2XnrHYQ/xAUm\n" \
    "pSCQK5rLgGsxI617t9/RvYCxcJfs/5jZ1CxzFoFxDTqOp769E0jDIKCZgQ==\n"     \
    "-----END PUBLIC KEY-----\n"

/* no key */
#define CERTIFICATE_PEM                                                  \
    "-----BEGIN CERTIFICATE-----\n"                                      \
    "MIIBbTCCAROgAwIBAgIUHHhcdtHpWobnxCCOl0nN+AkXRj4wCgYIKoZIzj0EAwIw\n" \
    "DDEKMAgGA1UEAwwBeDAeFw0yNjExMjYwMzEwMTVaFw0yNjEyMjYwMzEwMTVaMAwx\n" \
    "CjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARaUVaN/9fqDuRF\n" \
    "SimoW0idmEbOo1APb0gkSFySAPiy999zKDspBFRZyxoihAh4VWd+ZcEsl895doz9\n" \
    "40DtxAf+o1MwUTAdBgNVHQ4EFgQUWgfZaDcxqVo2eI8ZrWHKc5j457AwHwYDVR0j\n" \
    "BBgwFoAUWgfZaDcxqVo2eI8ZrWHKc5j457AwDwYDVR0TAQH/BAUwAwEB/zAKBggq\n" \
    "hkjOPQQDAgNIADBFAiB+O1ZLYO8ug3ADb8+iGGKx6Y9MJxeYFTM0BnGY39gTUQIh\n" \
    "AOvinlDdXc820qo0wgMc6zGgztrTxVbxKYBJ9/yRy2k0\n"                     \
    "-----END CERTIFICATE-----\n"

#endif
