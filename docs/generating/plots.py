"""stub"""
def page(argument: str) -> str: return ""
