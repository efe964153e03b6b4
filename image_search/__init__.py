"""Multi-modal image search for studios: has this been drawn before?"""

__version__ = "0.2.0"
